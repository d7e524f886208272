package regogate.response_test

test_grants_need_client_operation_and_model if {
	decide({}, {}).reasons == ["response.grant.tier"]
	blocked(decide({}, {"clients": {"app": {"enabled": false}}}), ["response.default.deny"])
	blocked(decide({"request": {"operation": "embeddings.create"}}, {}), ["response.default.deny"])
	blocked(decide({"request": {"model": "big"}}, {}), ["response.default.deny"])
}
