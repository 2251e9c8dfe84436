"""Import of debtors and debts from the files creditors send: CSV and XLSX, whole or not at all."""
