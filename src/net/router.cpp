#include "net/router.hpp"

#include <algorithm>

#include "net/url.hpp"

namespace vouch::net {
namespace {

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return out;
}

// %7E is '~' and %6f is 'o'; %2F stays what it is.
std::string decode_unreserved(std::string_view path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 2 < path.size()) {
      const auto octet = percent_decode(path.substr(i, 3));
      if (octet && percent_encode(*octet) == *octet) {
        out += *octet;
        i += 2;
        continue;
      }
    }
    out.push_back(path[i]);
  }
  return out;
}

template <class Map>
const typename Map::mapped_type* longest_prefix(const Map& routes, std::string_view path) {
  // Few prefixes, so a walk from the last that is not greater than the path.
  for (auto next = routes.upper_bound(path); next != routes.begin();) {
    --next;
    if (path.starts_with(next->first)) return &next->second;
  }
  return nullptr;
}

template <class Map>
const typename Map::mapped_type* exactly(const Map& routes, std::string_view path) {
  const auto found = routes.find(path);
  return found == routes.end() ? nullptr : &found->second;
}

bool answers(const Route& route, Method method) {
  return std::ranges::find(route.methods, method) != route.methods.end() ||
         (method == Method::head && std::ranges::find(route.methods, Method::get) != route.methods.end());
}

}  // namespace

Status Router::add(Route route) {
  if (!route.path.starts_with('/') || route.methods.empty())
    return make_error(Errc::internal, "route '{}' has no path or no method", route.path);
  if (route.name.empty()) route.name = route.path;
  auto& map = route.match == Route::Match::exact ? (route.any_case ? exact_any_case_ : exact_)
                                                 : (route.any_case ? prefix_any_case_ : prefix_);
  Routes& same_path = map[route.any_case ? lower_case(route.path) : route.path];
  for (const Route& other : same_path)
    for (const Method method : route.methods)
      if (answers(other, method))
        return make_error(Errc::conflict, "two routes answer {} {}", net::name(method), route.path);
  same_path.push_back(std::move(route));
  return ok();
}

const Router::Routes* Router::routes_for(std::string_view path) const {
  if (const Routes* found = exactly(exact_, path)) return found;
  const bool fold = !exact_any_case_.empty() || !prefix_any_case_.empty();
  const std::string folded = fold ? lower_case(path) : std::string();
  if (fold)
    if (const Routes* found = exactly(exact_any_case_, folded)) return found;
  const Routes* precise = longest_prefix(prefix_, path);
  const Routes* loose = fold ? longest_prefix(prefix_any_case_, folded) : nullptr;
  if (precise == nullptr || loose == nullptr) return precise != nullptr ? precise : loose;
  return precise->front().path.size() >= loose->front().path.size() ? precise : loose;
}

Router::Found Router::find(Method method, std::string_view path) const {
  const bool encoded = path.find('%') != std::string_view::npos;
  const Routes* routes = routes_for(encoded ? std::string_view(decode_unreserved(path)) : path);
  Found found;
  if (routes == nullptr) return found;
  found.known_path = true;
  for (const Route& route : *routes) {
    if (answers(route, method)) {
      found.route = &route;
      return found;
    }
    for (const Method allowed : route.methods) {
      if (!found.allow.empty()) found.allow += ", ";
      found.allow += net::name(allowed);
      if (allowed == Method::get) found.allow += ", HEAD";
    }
  }
  return found;
}

}  // namespace vouch::net
