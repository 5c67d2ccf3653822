//go:build !linux

package torn

import "time"

func now() moment { return moment{since: time.Duration(time.Now().UnixNano())} }
