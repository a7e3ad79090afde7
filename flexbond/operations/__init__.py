"""What people do with a suite, each step resumable: looks at the chain, does what is missing, does nothing twice.

Nothing here prints; what happens is told in sentences to a `Progress` (`progress.py`). Every function takes the `Suite` it reads
(`flexbond.chain.suite`) and, where it sends, the `Sender` that signs. Results are frozen dataclasses, errors are `FlexbondError`s with a
next step (`errors.py`). Amounts are integers: W, mWh, base units, UTC seconds.

* `governing`: `publish_grid`, `publish_calendar`, `publish_rule`, `qualify`
* `rulebook`: `publish_file`, `published_file`: rules between files (`flexbond.rules`) and the chain
* `money`: `deposit` (by permit), `withdraw`, `free_balance`
* `enrolment`: `create_portfolio`, `make_statement`, `prove_key_of`, `make_consent`, `make_payee_change` (signed documents), `state`,
  `enrol`, `leave`, `void_statement`, `change_payee` (bringing them)
* `meters`: `sign_series` (into a `RecordBook`), `attest` (its records, in batches)
* `anchoring`: `anchor` (its records under one root, each alone or every device's history in one leaf)
* `reporting`: `report_equivocations` (devices that signed two records of one slot and revision)
* `market`: `make_offer`, `take`, `cancel_offer`, `cancel_offers`
* `dispatching`: `nominate`, `declare_unavailable`, `dispatch`, `stop`, `cancel`, `excuse`, `release`
* `settlement`: `settle_event` (submission, draw, proofs, settlement: as needed), `submit_event`, `settle_all`
* `objecting`: `demand_proof`, `acceptance_of`, `accept`: what buyers can do about a sampled submission
* `collecting`: `collect_event`, `collect` (one pool), `collect_claim`, `sweep`; `relaying`: `relay` (many customers of many events)
* `status`: `account_status`, `event_status`, `all_events`
* `history`: `find_events`, `load_event`, `load_dispatch`, `rule_of`, `product_of`, `answers_of`: terms and states from the event log;
  `checks`: what became of a sampled submission
* `leaves`: `leaves_of_book`, `leaves_of_build`, `shares_for`: what can be shown of a submission
* `documents`: `SignedStatement`, `SignedConsent`, `SignedPayeeChange`, `SignedOffer` with `save` and `load`
* `recordbook`: `RecordBook.open`: the only state kept beside the chain
* `rehearsal`: `DrySender`, with which every operation tries its next transaction and sends none
"""
