"""The Prefect flows: decorators, schedules and wiring around `calib.cycle`, nothing else.

State lives in the project's own database under its own keys, so a flow that is killed, repeated, late
or doubled changes nothing.
"""
