"""The promises, measured: `python -m bench` prints the table, `python -m bench list` one row.

Timings are ratios to a floor measured in the same run on the same machine. Servers are the embedded ones with their
ordinary, durable settings, the web server is gunicorn as `make run` starts it, and the load comes over loopback from a
process of its own. Data sets are kept under .okno-bench/. The exit code is not zero when something could not be
measured, never when it was merely slow.
"""
