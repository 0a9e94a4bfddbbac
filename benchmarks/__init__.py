"""Side by side with peers: each module is one question, `python -m benchmarks.<name>` answers it and keeps the answer as a table."""
