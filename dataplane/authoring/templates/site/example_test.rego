# Tests bring their own tables, so that the site's own may be changed freely.
package regogate.site.example_test

import data.regogate.site.example

table := {"acme": ["old-*", "small"]}

test_a_listed_model_is_refused if {
	every model in ["small", "old-1"] {
		blocked := example.request_block with input as {"request": {"model": model}}
			with data.regogate.site_data.example as table
			with data.regogate.request.principal as {"tenant": "acme"}
		blocked == {"site.example.model"}
	}
}

test_other_models_and_tenants_pass if {
	every call in [["acme", "large"], ["other", "small"]] {
		blocked := example.request_block with input as {"request": {"model": call[1]}}
			with data.regogate.site_data.example as table
			with data.regogate.request.principal as {"tenant": call[0]}
		blocked == set()
	}
}

test_a_call_without_a_model_passes if {
	example.request_block == set() with input as {"request": {}}
		with data.regogate.site_data.example as table
		with data.regogate.request.principal as {"tenant": "acme"}
}

test_a_caller_without_a_tenant_passes if {
	example.request_block == set() with input as {"request": {"model": "small"}}
		with data.regogate.site_data.example as table
		with data.regogate.request.principal as {}
}

test_a_missing_table_refuses if {
	blocked := example.request_block with input as {"request": {"model": "large"}}
		with data.regogate.site_data as {}
	blocked == {"site.example.model"}
}
