"""Making abacus: its data, its training, its export and its examination."""
