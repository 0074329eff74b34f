"""The retrievers: a kind, and the module that has its `build`. A new retriever is a module and its line here.

Read while the Snakefile is parsed: imports nothing.
"""

RETRIEVERS = {"random": "sample", "bm25": "bm25", "dense": "dense", "mmr": "mmr", "oracle": "oracle"}
