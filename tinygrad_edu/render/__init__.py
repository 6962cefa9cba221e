"""Drawings of graphs: readings of a `Graph` as text, as DOT, and through Graphviz as SVG, PNG and PDF.

Nothing here may know tensors, derivatives or networks: what a drawing needs, `Graph` holds.
"""
