"""The last gap, carried over by hand: what has to be exported from the source, and its way into the sink.

The source is never asked. How a person exports rows, and how the files are read, is an `Export` of a plugin;
where they are put together and compared is a `Staging` of a backend. When a row is sent, and what the
state then says, is decided here.
"""
