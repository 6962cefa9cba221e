"""The commands, one module each: its options, its texts, and what it does with the library."""
