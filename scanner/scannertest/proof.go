package scannertest

import (
	"encoding/json"
	"os"
	"testing"
)

// Proof returns the payment proof of internal/offlinepay's test vectors, the
// longest code that a till has to read: 246 digits. It is for tests of a driver
// right below the folder scanner.
func Proof(t testing.TB) string {
	t.Helper()
	body, err := os.ReadFile("../../internal/offlinepay/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Proofs []struct {
			Text string `json:"text"`
		} `json:"proofs"`
	}
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	return v.Proofs[0].Text
}
