"""Drawings: readings of a `Graph` as text, SVG, HTML, DOT, Mermaid and JSON, and of a `Network` as SVG and HTML.

Nothing here may know tensors, derivatives or modules: what a drawing needs, the graph or the network holds.
"""
