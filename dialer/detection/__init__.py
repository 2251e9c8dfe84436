"""Person or machine: listens to the debtor's side of calls, before and after the answer."""

import os

# The matrices here are small: a second thread of the linear algebra only burns a core. Read when numpy is first loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
