"""One module for each subcommand of `cadenza-train`: its arguments, and what it calls."""
