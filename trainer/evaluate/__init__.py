"""The field's numbers for generated pairs, by protocols that are tables of constants (docs/evaluate.md)."""
