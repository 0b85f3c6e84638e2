package idnumber

import "golang.org/x/crypto/sha3"

// keccak256 is the hash of the 40 characters of an Ethereum address: Keccak as
// submitted, with the padding that SHA-3 later changed.
func keccak256(address *[40]byte) (hash [32]byte) {
	h := sha3.NewLegacyKeccak256()
	h.Write(address[:])
	h.Sum(hash[:0])
	return hash
}
