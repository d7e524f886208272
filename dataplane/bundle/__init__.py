"""Policy as an artefact: checked, built reproducibly, signed, verified and served.

In reading order: a `Source` is one snapshot of a policy directory (`source`); its YAML is read strictly
(`strictyaml`) into tables that fit their schemas (`tables`); its Rego keeps to its packages (`rego`); what
is wrong is a `Problem` with file and line (`problem`, `check`). A `Bundle` is what OPA loads (`model`),
made of tar members (`archive`) by `build` at a git `commit`, signed with a key of `keys` (`sign`, over the
digests of `digests`) and believed only after `verify`. A `ChannelStore` keeps what each channel publishes
(`store`) and has published (`published`), and a `ChannelServer` hands it to OPA, which waits for the next
one (`channel`). `command` runs the programs that all this needs.

What a channel is to run lies in a git `Repository` (`git`): a `Channel` file pins it (`pins`), a `Change`
pins, promotes or rolls back (`promotion`), anyone can build it again (`rebuild`), people approve it
(`approvals`), and only then is it a `Release` (`release`). It may also be published to a `Remote`
(`remote`): an `S3Object` (`s3`, signed by `sigv4`) or an `OciTag` (`oci`, `oci_auth`).
"""
