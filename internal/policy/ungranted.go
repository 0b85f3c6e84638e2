package policy

import "slices"

// PermitsWithoutGrant reports whether a rule of the organisation's own permits
// something: only then can an identity that holds no grant be permitted anything.
func (b *Bundle) PermitsWithoutGrant() bool {
	for _, s := range b.decide.byAction {
		lists := [][]*rule{s.rest}
		for _, m := range s.byPrincipal {
			lists = append(lists, m)
		}
		for _, m := range s.byResource {
			lists = append(lists, m)
		}
		for _, m := range s.byType {
			lists = append(lists, m)
		}
		for _, rules := range lists {
			if slices.ContainsFunc(rules, func(r *rule) bool { return !r.forbid }) {
				return true
			}
		}
	}
	return false
}
