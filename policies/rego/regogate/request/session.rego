package regogate.request

import data.regogate.caller

# What the tier requires of the credential. A requirement that cannot be read is not met.

# METADATA
# title: The credential is of another kind
# description: The tier requires one of some `methods`, and the caller came by another.
# custom:
#   id: request.identity.method
#   owner: identity
#   remediation: Use a credential of a kind the tier takes.
block contains "request.identity.method" if {
	methods := caller.tier.require.methods
	not came_by(methods)
}

# METADATA
# title: The credential lacks a scope
# description: The tier requires `scopes`; the credential must carry every one.
# custom:
#   id: request.identity.scope
#   owner: identity
#   remediation: Ask the issuer for the scope.
block contains "request.identity.scope" if {
	scopes := caller.tier.require.scopes
	not carries_scopes(scopes)
}

# METADATA
# title: The credential carries none of the roles
# description: The tier requires one of some `roles` or groups.
# custom:
#   id: request.identity.role
#   owner: identity
#   remediation: Ask for one of the roles.
block contains "request.identity.role" if {
	roles := caller.tier.require.roles
	not carries_role(roles)
}

# METADATA
# title: The credential lacks a claim
# description: The tier requires `claims`, each with one of some values.
# custom:
#   id: request.identity.claim
#   owner: identity
#   remediation: Ask the issuer for the claim.
block contains "request.identity.claim" if {
	claims := caller.tier.require.claims
	not carries_claims(claims)
}

# METADATA
# title: The credential is not bound to a certificate
# description: |
#   The tier requires `cert_bound`, and the credential is not bound to the client's
#   certificate.
# custom:
#   id: request.identity.cert
#   owner: identity
#   remediation: Use a certificate-bound token.
block contains "request.identity.cert" if {
	wanted_bound := caller.tier.require.cert_bound
	wanted_bound != false
	not input.identity.cert_bound == true
}

came_by(methods) if input.identity.method in methods

carries_scopes(scopes) if {
	every scope in scopes {
		scope in input.identity.scopes
	}
}

carries_role(roles) if {
	some role in roles
	role in array.concat(object.get(input.identity, "roles", []), object.get(input.identity, "groups", []))
}

carries_claims(claims) if {
	is_object(claims)
	every name, values in claims {
		input.identity.claims[name] in values
	}
}

tier_malformed if {
	require := caller.tier.require
	not require_read(require)
}

require_read(require) if object.keys(require) - {"methods", "scopes", "roles", "claims", "cert_bound"} == set()
