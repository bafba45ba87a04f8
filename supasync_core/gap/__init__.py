"""The last gap, exported by hand: the queries to run in OLD, and the way of their results into NEW.

OLD is never read. The files are staged and compared with NEW first; what is sent is decided by the plan.
"""
