"""The watchtower: follows the chain, recomputes every sampled submission for which it has data, and challenges what is false.

`tower.Tower` is one that runs, `judging.judge` what it finds in a submission, `state.State` all that it remembers.
`docs/watchtower.md` says what it does and what it cannot. Needs the extra `flexbond[fleet]`.
"""
