select 'soon' as timeframe
