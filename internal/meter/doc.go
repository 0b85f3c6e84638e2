// Package meter keeps calls within their budgets: it reserves the most that a call
// can cost before the call leaves, and replaces that by what it did cost
// afterwards.
//
// A replica spends from slices of the accounts that it leases from the store, so
// that a call needs no store as long as the slices suffice. For every account, over
// all replicas, what is settled plus what is leased never exceeds the limit; within
// a slice, what is settled and not yet reported plus what is reserved never exceeds
// the slice. Only a call that uses more than was reserved for it can break that,
// and it freezes what it broke until a human has looked.
//
// What was settled is reported once a second, together with a mark: the size of the
// replica's own log at that moment, and the calls that were open. After a crash the
// log says what the store was not told: a call whose intent the mark does not cover
// is settled at what its outcome says, or, without one, at all that was reserved
// (security S22). A reservation whose intent never became durable costs nothing.
// Reports are numbered; one whose answer was lost is sent again and counts once.
//
// It trusts the gateway to reserve before the intent is recorded, to record the
// accounts and amounts in it, and to settle once; the store to keep its promises;
// and the log, which is the truth that it recovers from.
package meter
