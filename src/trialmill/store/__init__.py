"""What remembers. Adapters of `engine.ports.TrialStore` and `engine.ports.MetricStore`: `sql` (SQLite)."""
