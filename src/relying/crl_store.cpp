#include "relying/crl_store.hpp"
