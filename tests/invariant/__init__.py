"""The whole suite under a state machine with adversaries, compared with the reference model after every step.

`stage.py` runs each transaction on the EVM of the process and in the model and compares outcome and state; `cast.py`
holds everyone and everything that is the same in each run; `moves_*.py` are the machine's rules; `ghost.py` remembers
what happened, and `invariants.py` asserts with it what `docs/invariants.md` promises, by id. What a machine cannot
see (deployment, powers) stands in tests of its own.

    FLEXBOND_INVARIANTS=ci     (default) deterministic, at least 200 000 contract calls
    FLEXBOND_INVARIANTS=deep   random and much longer
"""
