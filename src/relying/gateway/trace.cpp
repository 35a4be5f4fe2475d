#include "relying/gateway/trace.hpp"

#include "relying/gateway/redact.hpp"

namespace vouch::relying {

void Trace::set(const Switch& wanted) {
  const std::scoped_lock lock(guards_records_);
  switch_ = wanted;
}

Trace::Switch Trace::state(Time now) const {
  const std::scoped_lock lock(guards_records_);
  Switch state = switch_;
  if (state.until && now >= *state.until) state = Switch();
  return state;
}

void Trace::add(const Decision& decision, std::string_view client) {
  const Switch now = state(decision.time);
  if (!now.on || (now.refused_only && decision.accepted)) return;
  Value value = Value::table();
  value.set("client", client).set("decision", tree_without_credentials(relying::to_value(decision)));
  std::string record = to_json(value, 0);
  const std::scoped_lock lock(guards_records_);
  if (record.size() > most_octets_) {
    ++left_out_;
    return;
  }
  octets_ += record.size();
  records_.push_back(std::move(record));
  while (octets_ > most_octets_) {
    octets_ -= records_.front().size();
    records_.pop_front();
  }
}

void Trace::clear() {
  const std::scoped_lock lock(guards_records_);
  records_.clear();
  octets_ = 0;
  left_out_ = 0;
}

Value Trace::to_value(Time now) const {
  const Switch shown = state(now);
  Value out = Value::table(), records = Value::list();
  const std::scoped_lock lock(guards_records_);
  for (const std::string& record : records_)
    if (auto value = parse_json(record)) records.push(std::move(*value));
  out.set("on", shown.on).set("until", shown.until ? Value(format_time(*shown.until)) : Value());
  out.set("refused_only", shown.refused_only).set("octets", static_cast<std::int64_t>(octets_));
  out.set("most_octets", static_cast<std::int64_t>(most_octets_));
  out.set("left_out", static_cast<std::int64_t>(left_out_));
  return out.set("records", std::move(records));
}

}  // namespace vouch::relying
