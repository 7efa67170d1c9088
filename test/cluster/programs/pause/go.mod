module regards-order/test/cluster/programs/pause

go 1.24.0
