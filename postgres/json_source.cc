// Boost.JSON is used without its compiled library: this is the one source that carries its definitions.
#include <boost/json/src.hpp>
