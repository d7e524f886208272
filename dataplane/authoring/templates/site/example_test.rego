# Tests bring their own tables, so that the site's own may be changed freely.
package regogate.site.example_test

import data.regogate.site.example

table := {"acme": ["old-*", "small"]}

clients := {"app": {"tier": "basic", "tenant": "acme"}, "plain": {"tier": "basic"}}

test_a_listed_model_is_refused if {
	every model in ["small", "old-1"] {
		call := {"identity": {"client_id": "app"}, "request": {"model": model}}
		blocked := example.request_block with input as call
			with data.regogate.clients as clients
			with data.regogate.site_data.example as table
		blocked == {"site.example.model"}
	}
}

test_other_models_and_tenants_pass if {
	every case in [["app", "acme", "large"], ["app", "other", "large"], ["plain", "other", "small"]] {
		call := {"identity": {"client_id": case[0], "tenant": case[1]}, "request": {"model": case[2]}}
		blocked := example.request_block with input as call
			with data.regogate.clients as clients
			with data.regogate.site_data.example as table
		blocked == set()
	}
}

test_the_tenant_of_the_credential_counts_where_the_client_has_none if {
	call := {"identity": {"client_id": "plain", "tenant": "acme"}, "request": {"model": "small"}}
	blocked := example.request_block with input as call
		with data.regogate.clients as clients
		with data.regogate.site_data.example as table
	blocked == {"site.example.model"}
}

test_calls_without_a_model_or_a_tenant_pass if {
	every call in [
		{"identity": {"client_id": "app"}, "request": {}},
		{"identity": {"client_id": "plain"}, "request": {"model": "small"}},
	] {
		blocked := example.request_block with input as call
			with data.regogate.clients as clients
			with data.regogate.site_data.example as table
		blocked == set()
	}
}

test_a_missing_table_refuses if {
	call := {"identity": {"client_id": "app"}, "request": {"model": "large"}}
	blocked := example.request_block with input as call
		with data.regogate.clients as clients
		with data.regogate.site_data as {}
	blocked == {"site.example.model"}
}
