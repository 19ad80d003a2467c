"""What is true, whoever asks: rules, tables, SQL and Redis. Knows no caller's framework."""
