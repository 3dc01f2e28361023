"""From a run's records to effects, verdicts, tables, plots and frames."""
