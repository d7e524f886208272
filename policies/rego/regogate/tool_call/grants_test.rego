package regogate.tool_call_test

test_grants_need_client_operation_and_model if {
	decide({}, {}).reasons == ["tool_call.grant.tier"]
	blocked(decide({}, {"clients": {"app": {"enabled": false}}}), ["tool_call.default.deny"])
	blocked(decide({"request": {"operation": "embeddings.create"}}, {}), ["tool_call.default.deny"])
	blocked(decide({"request": {"model": "big"}}, {}), ["tool_call.default.deny"])
}
