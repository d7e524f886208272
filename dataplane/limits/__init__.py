"""How much: limits that a decision names, admitted all or nothing.

In reading order: `gcra` is the arithmetic of one rate, `memory` the limiter of one process.
"""
