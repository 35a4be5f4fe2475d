#pragma once
// CRLs and CA certificates over HTTP, at the paths of the URLs that certificates carry (RFC 5280 4.2.1.13 and
// 4.2.2.1; media types of RFC 2585 section 4). docs/mechanisms/distribution.md.
//
// Requests are answered from a table that was made before: they touch neither the database nor a key nor the
// disk, and go on being answered when those are gone.

#include <map>
#include <memory>
#include <mutex>

#include "api/service.hpp"

namespace vouch::api {

class Distribution {
 public:
  // Empty before the first refresh. `service` outlives it.
  explicit Distribution(const Service& service) : service_(service) {}

  // Looks for new CRLs, certificates and locations, and swaps the table. What is still the same is neither
  // read nor verified again. The first failure comes back; what it is about is answered as before, and
  // everything else is new.
  Status refresh();
  // Never blocks: 200, 304, or 404.
  net::Prepared answer(const net::Request& request) const;

  // One thing that has a URL. Its octets are shared by all answers about it.
  struct Item {
    std::string identity;  // what it is a copy of; the same identity means the same octets
    std::string etag;
    std::int64_t last_modified = 0;
    net::Prepared whole, unchanged;
  };
  using Table = std::map<std::string, std::shared_ptr<const Item>, std::less<>>;  // by decoded path

 private:
  std::shared_ptr<const Table> table() const;

  const Service& service_;
  std::mutex one_refresh_;
  mutable std::mutex guards_table_;
  std::shared_ptr<const Table> table_ = std::make_shared<const Table>();
  const net::Prepared nothing_ = net::prepare(
      net::error_response(404, "No CRL and no certificate of a CA here is published under this path."));
};

// GET and HEAD of every path that no other route claims, because locations may be anywhere and may change
// while the service runs.
std::vector<net::Route> distribution_routes(std::shared_ptr<const Distribution> distribution);

}  // namespace vouch::api
