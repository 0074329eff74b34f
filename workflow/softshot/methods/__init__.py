"""What can be adapted: a module a method, each an `Adapter` (base.py) with an entry in registry.py."""
