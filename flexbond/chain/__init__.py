"""The only part of the library that speaks to a node.

| module | what for |
| --- | --- |
| `config` | `load_config(network)`: who governs, with which delays, which tokens |
| `plan` | the steps of a deployment as data, and the check of what stands |
| `deploy` | `deploy(config, sender)`, `AddressBook`, `load_suite(rpc)` |
| `rpc` | `Rpc.at(url)`: requests to a node |
| `suite` | `Suite`: reading the contracts, and the transactions that change them |
| `send` | `Sender(rpc, signer)`: `send`, `send_all`, `rehearse` (dry run), `recover` after a crash |
| `events` | `read_events(suite)`, `decode_logs(suite, receipt.logs)`, `export_events` to JSON lines and `load_events` back |
| `errors` | `ContractRevert` and the other errors, each a sentence with a next step |
| `codec`, `artifacts` | the packaged ABIs, and values through them |
| `node`, `clock`, `development` | local chains, their time and their accounts |
"""
