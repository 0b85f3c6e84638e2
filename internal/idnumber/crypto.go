package idnumber

import "crypto/sha256"

// BitcoinAddress is an address of Bitcoin, or of a currency that took over its
// forms (Litecoin, Dogecoin, Tron), as written: Base58Check of 25 bytes, or
// bech32 and bech32m (BIP 173, BIP 350).
func BitcoinAddress(b []byte) bool {
	if len(b) < 14 || len(b) > 90 {
		return false
	}
	switch b[0] {
	case '1', '3', 'D', 'L', 'M', 'T':
		return base58Address(b)
	case 'b', 't', 'l', 'B':
		return segwitAddress(b)
	}
	return false
}

const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58Digit holds each byte's value plus one, 0 for what has none.
var base58Digit = alphabet(base58)

func alphabet(chars string) (table [256]byte) {
	for i := range len(chars) {
		table[chars[i]] = byte(i + 1)
	}
	return table
}

func base58Address(b []byte) bool {
	if len(b) < 26 || len(b) > 35 {
		return false
	}
	var raw [25]byte
	if !decode58(&raw, b) || !addressVersion(raw[0]) {
		return false
	}
	sum := sha256.Sum256(raw[:21])
	sum = sha256.Sum256(sum[:])
	return string(sum[:4]) == string(raw[21:])
}

// decode58 reads a number that must fit, with a leading 1 for each zero byte.
func decode58(raw *[25]byte, b []byte) bool {
	for _, c := range b {
		carry := int(base58Digit[c]) - 1
		if carry < 0 {
			return false
		}
		for i := len(raw) - 1; i >= 0; i-- {
			carry += int(raw[i]) * 58
			raw[i] = byte(carry)
			carry >>= 8
		}
		if carry != 0 {
			return false
		}
	}
	return leading(raw[:], 0) == leading(b, '1')
}

func leading(b []byte, c byte) int {
	n := 0
	for n < len(b) && b[n] == c {
		n++
	}
	return n
}

// addressVersion knows public key and script hashes of Bitcoin, Litecoin,
// Dogecoin and Tron.
func addressVersion(v byte) bool {
	switch v {
	case 0x00, 0x05, 0x1e, 0x30, 0x32, 0x41:
		return true
	}
	return false
}

var bech32Digit = alphabet("qpzry9x8gf2tvdw0s3jn54khce6mua7l")

const (
	bech32Sum  = 1
	bech32mSum = 0x2bc830a3
)

// segwitAddress takes one case only; version 0 has the older checksum.
func segwitAddress(b []byte) bool {
	var low [90]byte
	text, ok := oneCase(low[:0], b)
	if !ok {
		return false
	}
	prefix := segwitPrefix(text)
	if prefix == 0 || len(text) < prefix+8 {
		return false
	}
	sum := uint32(1)
	for _, c := range text[:prefix-1] {
		sum = polymod(sum, c>>5)
	}
	sum = polymod(sum, 0)
	for _, c := range text[:prefix-1] {
		sum = polymod(sum, c&31)
	}
	for _, c := range text[prefix:] {
		if bech32Digit[c] == 0 {
			return false
		}
		sum = polymod(sum, bech32Digit[c]-1)
	}
	return witness(bech32Digit[text[prefix]]-1, len(text)-prefix-7, sum)
}

// witness checks the program's length in bytes, from its groups of five bits,
// against its version.
func witness(version byte, groups int, sum uint32) bool {
	size := groups * 5 / 8
	if version == 0 {
		return sum == bech32Sum && (size == 20 || size == 32)
	}
	return sum == bech32mSum && version <= 16 && size >= 2 && size <= 40
}

func segwitPrefix(text []byte) int {
	for _, p := range [...]string{"bc1", "tb1", "ltc1"} {
		if len(text) > len(p) && string(text[:len(p)]) == p {
			return len(p)
		}
	}
	return 0
}

func oneCase(dst, b []byte) ([]byte, bool) {
	lower, capital := false, false
	for _, c := range b {
		lower = lower || c >= 'a' && c <= 'z'
		capital = capital || upper(c)
		if upper(c) {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst, !(lower && capital)
}

func polymod(sum uint32, v byte) uint32 {
	top := sum >> 25
	sum = sum&0x1ffffff<<5 ^ uint32(v)
	for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
		if top>>i&1 == 1 {
			sum ^= g
		}
	}
	return sum
}

// Ethereum is an address of 0x and 40 hexadecimal digits as written. Where its
// letters have two cases they must be the checksum of EIP-55.
func Ethereum(b []byte) (ok, checked bool) {
	if len(b) != 42 || b[0] != '0' || b[1] != 'x' {
		return false, false
	}
	var low [40]byte
	lower, capital := false, false
	for i, c := range b[2:] {
		switch {
		case digit(c):
		case c >= 'a' && c <= 'f':
			lower = true
		case c >= 'A' && c <= 'F':
			capital = true
			c += 'a' - 'A'
		default:
			return false, false
		}
		low[i] = c
	}
	if !lower || !capital {
		return true, false
	}
	ok = casedBy(b[2:], keccak256(&low))
	return ok, ok
}

// casedBy wants a capital letter where the hash has a nibble of 8 or more.
func casedBy(b []byte, hash [32]byte) bool {
	for i, c := range b {
		high := hash[i/2]>>(4*(1-i%2))&8 != 0
		if !digit(c) && upper(c) != high {
			return false
		}
	}
	return true
}
