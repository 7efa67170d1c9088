module regards-order/test/cluster/programs/dialer

go 1.24.0
