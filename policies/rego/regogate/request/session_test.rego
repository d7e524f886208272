package regogate.request_test

require(what) := tier_with({"require": what})

who(identity) := {"identity": identity}

test_session_method if {
	allowed(decide({}, require({"methods": ["jwt", "api_key"]})))
	blocked(decide({}, require({"methods": ["jwt"]})), ["request.identity.method"])
	every methods in [[], null, false, "api"] {
		blocked(decide({}, require({"methods": methods})), ["request.identity.method"])
	}
}

test_session_scopes_are_all_needed if {
	needed := require({"scopes": ["llm:access", "llm:chat"]})
	allowed(decide(who({"scopes": ["other", "llm:chat", "llm:access"]}), needed))
	every scopes in [[], ["llm:chat"], ["llm:access"], "llm:access llm:chat"] {
		blocked(decide(who({"scopes": scopes}), needed), ["request.identity.scope"])
	}
	blocked(decide({}, needed), ["request.identity.scope"])
	blocked(decide(who({"scopes": ["a"]}), require({"scopes": null})), ["request.identity.scope"])
}

test_session_scope_is_told_as_oauth_tells_it if {
	decision := decide({}, require({"scopes": ["llm:access"]}))
	decision.http == {"status": 403, "code": "insufficient_scope"}
	both := decide({}, require({"scopes": ["llm:access"], "methods": ["jwt"]}))
	both.http == {"status": 403, "code": "policy_blocked"}
}

test_session_role_or_group if {
	needed := require({"roles": ["analyst", "admin"]})
	allowed(decide(who({"roles": ["admin"]}), needed))
	allowed(decide(who({"groups": ["analyst"]}), needed))
	allowed(decide(who({"roles": ["x"], "groups": ["analyst"]}), needed))
	blocked(decide(who({"roles": ["x"], "groups": []}), needed), ["request.identity.role"])
	blocked(decide({}, needed), ["request.identity.role"])
	blocked(decide(who({"roles": ["admin"]}), require({"roles": []})), ["request.identity.role"])
}

test_session_claims_are_all_needed if {
	needed := require({"claims": {"department": ["finance", "audit"], "level": [3]}})
	allowed(decide(who({"claims": {"department": "audit", "level": 3}}), needed))
	every claims in [{}, {"department": "audit"}, {"department": "sales", "level": 3}, {"level": 3}] {
		blocked(decide(who({"claims": claims}), needed), ["request.identity.claim"])
	}
	blocked(decide({}, needed), ["request.identity.claim"])
	blocked(decide(who({"claims": {"0": "a"}}), require({"claims": ["a"]})), ["request.identity.claim"])
	blocked(decide({}, require({"claims": []})), ["request.identity.claim"])
}

test_session_bound_to_a_certificate if {
	allowed(decide(who({"cert_bound": true}), require({"cert_bound": true})))
	allowed(decide({}, require({"cert_bound": false})))
	every identity in [{}, {"cert_bound": false}, {"cert_bound": "true"}] {
		blocked(decide(who(identity), require({"cert_bound": true})), ["request.identity.cert"])
		blocked(decide(who(identity), require({"cert_bound": "yes"})), ["request.identity.cert"])
	}
}

test_session_requirement_not_known_blocks if {
	blocked(decide({}, require({"scope": ["x"]})), ["conflict.malformed"])
	blocked(decide({}, require(null)), ["conflict.malformed"])
	allowed(decide({}, require({})))
}
