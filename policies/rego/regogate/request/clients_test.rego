package regogate.request_test

jwt(identity) := {"identity": object.union({"method": "jwt", "client_id": "bot", "tenant": "acme"}, identity)}

acme(row) := {"tenants": {"acme": row}}

test_clients_unknown_blocks if {
	blocked(decide({"identity": {"client_id": "nobody"}}, {}), ["request.client.unknown"])
	not decide({"identity": {"client_id": "nobody"}}, {}).principal
}

test_clients_id_of_another_type_blocks if {
	every id in [7, true, [], {"app": 1}] {
		blocked(decide({"identity": {"client_id": id}}, {}), ["request.client.unknown", "request.input.malformed"])
	}
	blocked(decide({"identity": {"client_id": ""}}, {"clients": {"": {"tier": "basic"}}}), ["request.client.unknown"])
}

test_clients_disabled_blocks if {
	every word in [false, null, "true", "false", 0] {
		blocked(decide({}, {"clients": {"app": {"enabled": word}}}), ["request.client.disabled"])
	}
}

test_clients_enabled_unless_said_otherwise if {
	decision := decide({"identity": {"client_id": "free"}}, {})
	allowed(decision)
}

test_clients_tier_unknown_blocks if {
	blocked(decide({}, {"clients": {"app": {"tier": "golden"}}}), ["request.tier.unknown"])
	blocked(decide({}, {"clients": {"app": {"tier": null}}}), ["request.tier.unknown"])
	blocked(decide({}, {"tiers": {"basic": null}}), ["request.tier.unknown"])
}

test_clients_principal_is_the_row if {
	decide({}, {}).principal == {"id": "client/app", "tenant": "acme", "tier": "basic"}
	decide({"identity": {"tenant": "claimed"}}, {}).principal.tenant == "acme"
}

test_clients_principal_of_a_row_without_tenant if {
	rows := {"clients": {"solo": {"tier": "basic"}}}
	decide({"identity": {"client_id": "solo"}}, rows).principal == {"id": "client/solo", "tier": "basic"}
	claimed := decide({"identity": {"client_id": "solo", "tenant": "other"}}, rows)
	claimed.principal == {"id": "client/solo", "tenant": "other", "tier": "basic"}
}

test_clients_principal_has_no_tenant_of_another_type if {
	decide({}, {"clients": {"app": {"tenant": 7}}}).principal == {"id": "client/app", "tier": "basic"}
	claimed := decide({"identity": {"client_id": "free", "tenant": 7}}, {"clients": {"free": {"tenant": null}}})
	claimed.principal == {"id": "client/free", "tier": "open"}
}

test_clients_principal_on_a_block_has_what_is_known if {
	decision := decide({}, {"clients": {"app": {"tier": "golden"}}})
	decision.principal == {"id": "client/app"}
	decide({}, {"clients": {"app": {"enabled": false}}}).principal.tier == "basic"
}

test_clients_jwt_gets_the_tier_of_its_tenant if {
	decision := decide(jwt({}), acme({"tier": "basic"}))
	allowed(decision)
	decision.principal == {"id": "client/bot", "tenant": "acme", "tier": "basic"}
}

test_clients_jwt_gets_the_first_listed_role if {
	roles := [{"role": "admin", "tier": "open"}, {"role": "agent", "tier": "basic"}]
	decide(jwt({"roles": ["agent", "admin"]}), acme({"roles": roles})).principal.tier == "open"
	decide(jwt({"roles": ["agent"]}), acme({"roles": roles, "tier": "open"})).principal.tier == "basic"
	decide(jwt({"roles": ["other"]}), acme({"roles": roles, "tier": "open"})).principal.tier == "open"
}

test_clients_first_role_without_tier_does_not_fall_through if {
	roles := [{"role": "admin"}, {"role": "agent", "tier": "open"}]
	blocked(decide(jwt({"roles": ["agent", "admin"]}), acme({"roles": roles, "tier": "open"})), ["request.client.unknown"])
}

test_clients_jwt_without_role_tier_or_tenant_blocks if {
	roles := [{"role": "admin", "tier": "open"}]
	blocked(decide(jwt({"roles": ["agent"]}), acme({"roles": roles})), ["request.client.unknown"])
	blocked(decide(jwt({"tenant": "globex"}), acme({"tier": "open"})), ["request.client.unknown"])
}

test_clients_tenants_are_for_jwt_only if {
	every method in ["api_key", "mtls"] {
		blocked(decide(jwt({"method": method}), acme({"tier": "open"})), ["request.client.unknown"])
	}
}

test_clients_listed_never_fall_through if {
	every row in [{"tier": "basic", "enabled": false}, {"tier": "golden"}, {}, false, null, "off"] {
		rows := object.union(acme({"tier": "open"}), {"clients": {"bot": row}})
		decide(jwt({}), rows).decision == "BLOCK"
	}
}

test_clients_row_that_is_no_object_is_nobody if {
	every row in [false, null, "off", 7, []] {
		decision := decide_exactly(call, object.union(tables, {"clients": {"app": row}}))
		blocked(decision, ["request.client.unknown"])
		not decision.principal
	}
}

test_clients_tenants_do_not_apply_without_a_client_table if {
	bundle := object.union_n([tables, acme({"tier": "open"}), {"clients": null}])
	blocked(decide_exactly(object.union(call, jwt({})), bundle), ["request.client.unknown"])
}

test_clients_jwt_without_client_id_blocks if {
	decision := decide(jwt({"client_id": ""}), acme({"tier": "open"}))
	blocked(decision, ["request.client.unknown"])
}
