"""Symbols: rules run on names. What they give is read as text, as LaTeX and as JavaScript.

The formula shown to a learner is the code that ran: nothing here knows a derivative. Must not know cards or drawings.
"""
