// Package key makes, reads and digests API keys.
//
// A key is printed as weir_ID_SECRET_CRC: the public ID names it in lists and receipts, the
// secret holds 256 random bits, the CRC catches typing errors before anything is looked up.
// What is stored is the ID and the HMAC-SHA-256 of the whole text under a pepper that the
// server keeps apart. Random secrets need no slow hash (NIST SP 800-63B, section 5.1.2.2).
package key

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

const (
	prefix      = "weir"
	secretBytes = 32
	idBytes     = 10
	idMax       = 64
	// PepperMin is the shortest pepper that is taken, in bytes.
	PepperMin = 16
)

// letters is base 32 without padding and without the separator.
var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

var secretLen = letters.EncodedLen(secretBytes)

// New makes a key from a source of random bytes, which must be cryptographic. An empty id
// asks for a random one.
func New(id weir.KeyID, random io.Reader) (text string, _ weir.KeyID, _ error) {
	var b [idBytes + secretBytes]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", "", fmt.Errorf("draw a key: %w", err)
	}
	if id == "" {
		id = weir.KeyID(letters.EncodeToString(b[:idBytes]))
	}
	if err := checkID(string(id)); err != nil {
		return "", "", err
	}
	body := prefix + "_" + string(id) + "_" + letters.EncodeToString(b[idBytes:])
	return body + "_" + checksum(body), id, nil
}

func checkID(id string) error {
	if id == "" || len(id) > idMax {
		return fault.New(fault.Invalid, "key id of %d characters: want 1 to %d", len(id), idMax)
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return fault.New(fault.Invalid, "key id %q: want lower-case letters, digits and hyphens", id)
		}
	}
	return nil
}

func checksum(body string) string {
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body)))
}

// Parse returns the id of a key and checks its form. It says nothing about whether anyone
// issued it. The error never repeats the text.
func Parse(text string) (weir.KeyID, error) {
	const want = "want weir_ID_SECRET_CRC"
	if len(text) > len(prefix)+idMax+secretLen+len("___")+8 {
		return "", fault.New(fault.Denied, "API key of %d characters: %s", len(text), want)
	}
	parts := strings.Split(text, "_")
	if len(parts) != 4 || parts[0] != prefix || len(parts[2]) != secretLen {
		return "", fault.New(fault.Denied, "not an API key of this network: %s", want)
	}
	if checkID(parts[1]) != nil {
		return "", fault.New(fault.Denied, "not an API key of this network: its id has characters that no id has")
	}
	body := text[:strings.LastIndexByte(text, '_')]
	if subtle.ConstantTimeCompare([]byte(checksum(body)), []byte(parts[3])) != 1 {
		return "", fault.New(fault.Denied, "mistyped API key: its checksum does not match")
	}
	return weir.KeyID(parts[1]), nil
}

// Digest is what is stored of a key: 64 lower-case hexadecimal digits.
func Digest(pepper []byte, text string) string {
	mac := hmac.New(sha256.New, pepper)
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// Equal compares two digests in a time that does not depend on where they differ.
func Equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
