package link

import "github.com/eclipse/paho.mqtt.golang/packets"

// noStore is the MQTT library's store of unacknowledged packets, which keeps
// none: nothing is ever sent again from there, the queue is the only memory.
type noStore struct{}

func (noStore) Open()                             {}
func (noStore) Put(string, packets.ControlPacket) {}
func (noStore) Get(string) packets.ControlPacket  { return nil }
func (noStore) All() []string                     { return nil }
func (noStore) Del(string)                        {}
func (noStore) Close()                            {}
func (noStore) Reset()                            {}
