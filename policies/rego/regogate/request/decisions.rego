package regogate.request

# METADATA
# title: The decisions on several requests
# description: |
#   Of each input in the list `input.each` what `decision` says of it, as if it had been asked alone:
#   a list of one, or an empty one where `decision` is undefined. Half of what a decision costs is the
#   asking, so a gateway puts together the questions that come while others are being answered.
# entrypoint: true
# schemas:
#   - input: {type: object, properties: {each: {type: array}}}
decisions := [found |
	some asked in input.each

	# regal ignore:with-outside-test-context
	found := [answer | answer := decision with input as asked]
]
