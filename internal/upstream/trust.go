package upstream

import "encoding/json"

// Trust is the trust policy of a role that Writ assumes: who may, and with
// what. The external id is a value that the reader puts in its place.
func Trust(principal, externalID string, perGrant bool) (string, error) {
	type statement struct {
		Effect    string
		Principal map[string]string
		Action    any
		Condition map[string]map[string]string `json:",omitempty"`
	}
	s := statement{Effect: "Allow", Principal: map[string]string{"AWS": principal}, Action: oneOrMany(assuming(perGrant))}
	if externalID != "" {
		s.Condition = map[string]map[string]string{"StringEquals": {"sts:ExternalId": externalID}}
	}
	text, err := json.Marshal(struct {
		Version   string
		Statement []statement
	}{policyVersion, []statement{s}})
	return string(text), err
}

// assuming is what it takes to make the sessions of a role.
func assuming(perGrant bool) []string {
	if perGrant {
		return []string{"sts:AssumeRole", "sts:SetSourceIdentity"}
	}
	return []string{"sts:AssumeRole"}
}

// BaseOf is what Writ's own credentials have to be allowed so that it can
// assume the roles of its accounts; false when it assumes none.
func BaseOf(accounts []Standing) (Document, bool) {
	all := uses{}
	for _, a := range accounts {
		if a.Role == "" {
			continue
		}
		for _, action := range assuming(a.PerGrant) {
			all.add(action, a.Role)
		}
	}
	return Document{Version: policyVersion, Statement: all.statements()}, len(all) > 0
}
