"""One teacher class a runtime; which models they open is declared in `params.yaml`."""
