package slots

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
)

// envelope is how boot.json and manifest.json lie on disk: the content and the
// CRC-32C (Castagnoli) of its exact bytes.
type envelope struct {
	CRC32C string          `json:"crc32c"`
	Body   json.RawMessage `json:"body"`
}

// maxFile bounds what is read of either file, in bytes.
const maxFile = 64 << 10

func seal(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	out, err := json.Marshal(envelope{CRC32C: checksum(body), Body: body})
	if err != nil {
		return nil, err
	}
	return append(out, '\n'), nil
}

// unseal refuses anything but one whole envelope with the right checksum.
func unseal(data []byte, v any) error {
	if len(data) > maxFile {
		return fmt.Errorf("larger than %d bytes", maxFile)
	}
	var e envelope
	if err := strict(data, &e); err != nil {
		return err
	}
	if got := checksum(e.Body); got != e.CRC32C {
		return fmt.Errorf("checksum is %s, the file says %q", got, e.CRC32C)
	}
	return json.Unmarshal(e.Body, v) // unknown fields are a newer version's
}

func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if rest := bytes.TrimSpace(data[d.InputOffset():]); len(rest) > 0 {
		return fmt.Errorf("%d bytes after the end", len(rest))
	}
	return nil
}

func checksum(body []byte) string {
	sum := crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))
	return fmt.Sprintf("%08s", strconv.FormatUint(uint64(sum), 16))
}
