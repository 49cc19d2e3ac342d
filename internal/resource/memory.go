package resource

import (
	"os"
	"strconv"
	"strings"
)

// meminfo tells how much memory there is: proc_meminfo(5).
var meminfo = "/proc/meminfo"

const (
	// perByte is how many bytes of memory one byte of a config takes until it is rendered
	// and written: 4 when most of it is contents, and something in reserve.
	perByte = 6
	// leastContent is what is always tried.
	leastContent = 1 << 20
)

// FreeMemory is the memory that programs can have without others losing theirs, in bytes;
// 0 if nobody knows.
func FreeMemory() int64 {
	data, err := os.ReadFile(meminfo)
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), "MemAvailable:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kibibytes, err := strconv.ParseInt(number, 10, 40)
	if err != nil || kibibytes < 0 {
		return 0
	}
	return kibibytes << 10
}

// Affordable returns how many bytes of a config the machine has the memory for, at most
// limit. A longer one would have the kernel kill the engine, which could not tell why.
func Affordable(limit int) int {
	if free := FreeMemory(); free > 0 {
		return int(min(int64(limit), max(free/perByte, leastContent)))
	}
	return limit
}
