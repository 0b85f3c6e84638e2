package operator

// Reserved are accounts that no resource stands for: the local administrator, and
// Writ itself.
var Reserved = []string{"local-admin", "writ"}

// Succeed is an operator as it follows another of the same name: no epoch falls,
// and what ends sign-ins raises it.
func Succeed(before, after *Operator) *Operator {
	next := *after
	next.Epoch = max(after.Epoch, before.Epoch)
	other := before.Login != nil && (after.Login == nil || *before.Login != *after.Login)
	if next.Epoch == before.Epoch && (other || after.Disabled && !before.Disabled) {
		next.Epoch++
	}
	return &next
}
