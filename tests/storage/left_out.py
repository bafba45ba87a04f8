"""Recorded exchanges that are sent but not compared, by name, with the reason."""

REASONS: dict[str, str] = {
    "the S3 protocol: supasync does not speak it": "G01 G02 G03 G04 G05 G06 G07 G08",
    "the plan of a query, which PostgreSQL 16 makes otherwise": "S55",
    "an object of 60 MiB, which tells no more than that of 20": "H06.3 H22",
}

LEFT_OUT = {name: reason for reason, names in REASONS.items() for name in names.split()}
